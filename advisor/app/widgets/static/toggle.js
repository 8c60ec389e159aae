// One labelled switch.
export default {
  render({ model, el }) {
    globalThis.__mlcIds = (globalThis.__mlcIds ?? 0) + 1;
    const id = `mlc-toggle-${globalThis.__mlcIds}`;
    const row = document.createElement("div");
    row.className = "mlc-field";
    const label = document.createElement("span");
    label.className = "mlc-label";
    label.id = id;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "mlc-switch";
    button.setAttribute("role", "switch");
    button.setAttribute("aria-labelledby", id);
    const hint = document.createElement("p");
    hint.className = "mlc-hint";
    hint.id = `${id}-hint`;
    row.append(label, button, hint);
    el.append(row);

    const paint = () => {
      label.textContent = model.get("label");
      hint.textContent = model.get("hint");
      hint.hidden = !hint.textContent;
      if (hint.hidden) button.removeAttribute("aria-describedby");
      else button.setAttribute("aria-describedby", hint.id);
      button.disabled = model.get("disabled");
      button.setAttribute("aria-checked", String(model.get("value")));
    };
    const flip = () => {
      if (button.disabled) return;
      model.set("value", !model.get("value"));
      model.save_changes();
      paint();
    };
    button.addEventListener("click", flip);
    label.addEventListener("click", flip);
    paint();
    const names = "change:label change:hint change:value change:disabled";
    model.on(names, paint);
    return () => model.off(names, paint);
  },
};
