// Streamlit keeps the place of the page before, and the keyboard falls back to the window when the button that was
// pressed is gone: Tab would go through the whole sidebar again, and a screen reader would not tell the new page.
if (!location.hash) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
(() => {
  let looks = 0;
  const looking = setInterval(() => {
    const title = document.querySelector('[data-testid="stMain"] h1');
    if (title && document.activeElement === document.body) {
      title.tabIndex = -1;
      title.style.outline = "none";
      title.focus({ preventScroll: true });
    }
    if (++looks > 30) clearInterval(looking); // the title of the page before may stand for a moment
  }, 100);
})();
