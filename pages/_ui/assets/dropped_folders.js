// Files of a dropped folder come with their place in `path`, and a webkitRelativePath that is empty; Streamlit sends the
// latter as the name of the file. Without this a dropped folder loses its sub-folders, and with them its classes.
(() => {
  if (window.graftDroppedFolders) return;
  window.graftDroppedFolders = true;
  const own = Object.getOwnPropertyDescriptor(File.prototype, "webkitRelativePath");
  Object.defineProperty(File.prototype, "webkitRelativePath", {
    ...own,
    get() {
      const place = typeof this.path === "string" ? this.path.replace(/^\.?\//, "") : "";
      return own.get.call(this) || (place.includes("/") ? place : "");
    },
  });
})();
