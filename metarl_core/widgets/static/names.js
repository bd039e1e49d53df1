// What a screen reader says of an explorer: ipywidgets gives its picture no words and a slider's handle no name.
// This widget shows nothing; it names what stands beside it, again whenever that is drawn anew.

function name(explorer, alt) {
  for (const picture of explorer.querySelectorAll("img.widget-image")) picture.alt = alt;
  for (const handle of explorer.querySelectorAll(".noUi-handle")) {
    const slider = handle.closest(".jupyter-widgets");
    const label = slider.querySelector(".widget-label");
    const readout = slider.querySelector(".widget-readout");
    if (label) handle.setAttribute("aria-label", label.textContent);
    if (readout && readout.textContent) handle.setAttribute("aria-valuetext", readout.textContent);
  }
}

export default {
  render({ model, el }) {
    el.style.display = "none";
    let ended = false;
    const watcher = new MutationObserver(() => begin());
    const begin = () => {
      const explorer = el.closest(".metarl-explorer");
      if (ended) return;
      if (!explorer) {
        requestAnimationFrame(begin); // not in the page yet
        return;
      }
      name(explorer, model.get("alt"));
      watcher.observe(explorer, { childList: true, subtree: true, characterData: true });
    };
    begin();
    return () => {
      ended = true;
      watcher.disconnect();
    };
  },
};
