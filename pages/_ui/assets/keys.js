// Shortcuts of the whole app; single keys only, never while something is typed. The list stands in common/keys.py.
(() => {
  if (window.graftKeys) return;
  window.graftKeys = true;
  // What has a help text is in the page twice, for fingers and for a mouse; one of them is hidden.
  const press = (selector) => [...document.querySelectorAll(selector)].find((one) => one.offsetParent)?.click();
  const follow = (place) => [...document.querySelectorAll(".st-key-road a")].filter((one) => one.offsetParent)[place]?.click();
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const typing = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") press(".st-key-keyboard button");
    else if (document.querySelector('[role="dialog"]')) return;
    else if (/^[1-5]$/.test(event.key)) follow(Number(event.key) - 1);
    else if (event.key === "h") press('[data-testid="stSidebarNav"] a');
    else if (event.key === "n") press('[data-testid="stMain"] button[data-testid="stBaseButton-primary"]:not([disabled])');
    else if (event.key === "p") press(".st-key-presenting input");
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('[data-testid="stPopoverBody"] a[href^="#cell-"]');
    if (link) setTimeout(() => press(".st-key-contents button"), 50); // the list closes behind whoever follows it
  });
})();
