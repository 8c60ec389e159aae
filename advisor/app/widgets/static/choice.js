// A labelled native select.
function make(name, cls) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  return node;
}

export default {
  render({ model, el }) {
    globalThis.__mlcIds = (globalThis.__mlcIds ?? 0) + 1;
    const id = `mlc-choice-${globalThis.__mlcIds}`;
    const row = make("div", "mlc-field mlc-choice");
    const label = make("label", "mlc-label");
    label.htmlFor = id;
    const select = make("select");
    select.id = id;
    const error = make("p", "mlc-error");
    error.id = `${id}-error`;
    error.setAttribute("role", "alert");
    const hint = make("p", "mlc-hint");
    hint.id = `${id}-hint`;
    row.append(label, select, error, hint);
    el.append(row);

    const paint = () => {
      label.textContent = model.get("label");
      hint.textContent = model.get("hint");
      error.textContent = model.get("error");
      hint.hidden = !hint.textContent;
      error.hidden = !error.textContent;
      select.disabled = model.get("disabled");
      select.setAttribute("aria-invalid", String(!error.hidden));
      const told = [error, hint].filter((part) => !part.hidden).map((part) => part.id);
      if (told.length) select.setAttribute("aria-describedby", told.join(" "));
      else select.removeAttribute("aria-describedby");
      select.replaceChildren(
        ...model.get("options").map(([value, text]) => new Option(text, value, false, value === model.get("value"))),
      );
    };
    select.addEventListener("change", () => {
      model.set("value", select.value);
      model.save_changes();
    });
    paint();
    const names = "change:label change:hint change:error change:options change:value change:disabled";
    model.on(names, paint);
    return () => model.off(names, paint);
  },
};
