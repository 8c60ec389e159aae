// A labelled number. The text goes to Python as typed; Python judges it.
function make(name, cls, text) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

export default {
  render({ model, el }) {
    globalThis.__mlcIds = (globalThis.__mlcIds ?? 0) + 1;
    const id = `mlc-field-${globalThis.__mlcIds}`;
    const row = make("div", "mlc-field");
    const label = make("label", "mlc-label");
    label.htmlFor = id;
    const box = make("span", "mlc-input");
    const input = make("input");
    input.id = id;
    input.type = "text";
    input.inputMode = "decimal";
    input.autocomplete = "off";
    input.spellcheck = false;
    const unit = make("span", "mlc-unit");
    unit.id = `${id}-unit`;
    box.append(input, unit);
    const error = make("p", "mlc-error");
    error.id = `${id}-error`;
    error.setAttribute("role", "alert");
    const hint = make("p", "mlc-hint");
    hint.id = `${id}-hint`;
    row.append(label, box, error, hint);
    el.append(row);

    const words = () => {
      label.textContent = model.get("label");
      unit.textContent = model.get("unit");
      hint.textContent = model.get("hint");
      error.textContent = model.get("error");
      for (const part of [unit, hint, error]) part.hidden = !part.textContent;
      input.disabled = model.get("disabled");
      input.setAttribute("aria-invalid", String(Boolean(model.get("error"))));
      const told = [unit, error, hint].filter((part) => !part.hidden).map((part) => part.id);
      if (told.length) input.setAttribute("aria-describedby", told.join(" "));
      else input.removeAttribute("aria-describedby");
    };
    const value = () => {
      input.value = model.get("shown");
    };
    const commit = () => model.send({ kind: "commit", text: input.value });
    const answer = (message) => {
      if (message.kind === "accepted") value();
    };
    input.addEventListener("change", commit);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        value();
        model.send({ kind: "commit", text: input.value });
      }
    });

    words();
    value();
    model.on("change:label change:unit change:hint change:error change:disabled", words);
    model.on("change:shown", value);
    model.on("msg:custom", answer);
    return () => {
      model.off("change:label change:unit change:hint change:error change:disabled", words);
      model.off("change:shown", value);
      model.off("msg:custom", answer);
    };
  },
};
