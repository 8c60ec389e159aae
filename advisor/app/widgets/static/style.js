// Brings the app's stylesheet to the page once, follows JupyterLab's own light or
// dark choice, and gives layout boxes their landmark roles (ipywidgets cannot).
const LANDMARKS = [
  ["mlc-top", "banner", "Plan in brief"],
  ["mlc-main", "main", "Step"],
  ["mlc-aside", "complementary", "Assumptions and explanations"],
  ["mlc-foot", "group", "Move on"],
];

function sheet(model) {
  const id = "mlc-app-css";
  let style = document.getElementById(id);
  if (!style) {
    style = document.createElement("style");
    style.id = id;
    document.head.append(style);
  }
  if (style.textContent !== model.get("css")) style.textContent = model.get("css");
}

// Our Voilà page follows the visitor's system; JupyterLab has a theme of its own.
function followLab() {
  const root = document.documentElement;
  if (root.dataset.mlcHost === "voila" || root.dataset.mlcFollows) return;
  root.dataset.mlcFollows = "lab";
  const apply = () => {
    const light = document.body.dataset.jpThemeLight;
    if (light !== undefined) root.dataset.mlcTheme = light === "true" ? "light" : "dark";
  };
  apply();
  new MutationObserver(apply).observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light"],
  });
}

function landmarks() {
  if (globalThis.__mlcLandmarks) return;
  globalThis.__mlcLandmarks = true;
  const mark = () => {
    for (const [name, role, label] of LANDMARKS) {
      for (const box of document.querySelectorAll(`.${name}:not([role])`)) {
        box.setAttribute("role", role);
        box.setAttribute("aria-label", label);
      }
    }
  };
  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      mark();
    });
  };
  mark();
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
}

export default {
  render({ model, el }) {
    el.style.display = "none";
    sheet(model);
    followLab();
    landmarks();
    document.documentElement.dataset.mlcStyled = "yes";
    const again = () => sheet(model);
    model.on("change:css", again);
    return () => model.off("change:css", again);
  },
};
