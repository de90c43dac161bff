// A page lets its address name what it shows, and Streamlit makes a step in the browser's history of that. Back would
// lead to the same page with less in its address, which names itself again; or to the last page with what the next one
// named, which is told before the browser leaves. Such a step takes the place of the one before it.
(() => {
  if (window.graftWayBack) return;
  window.graftWayBack = true;
  const SOON = 2000; // milliseconds in which the next page follows what it named
  const push = history.pushState.bind(history);
  const holds = (all, some) => [...some.searchParams].every(([name, value]) => all.searchParams.get(name) === value);
  let named = 0;
  history.pushState = (state, title, url) => {
    const from = new URL(location.href), to = new URL(url, location.href);
    const stays = from.pathname === to.pathname;
    const same = stays ? holds(to, from) || holds(from, to) : from.search === to.search && Date.now() - named < SOON;
    if (same) history.replaceState(state, title, url);
    else push(state, title, url);
    named = stays && !same ? Date.now() : 0;
  };
})();
