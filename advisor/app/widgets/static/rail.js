// The playbook's table of contents: native buttons in an ordered list.
const STATE_WORDS = { accepted: "accepted", proposed: "proposal ready", blocked: "blocked", todo: "to do" };

function make(name, cls, text) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

export default {
  render({ model, el }) {
    const nav = make("nav", "mlc-rail");
    const list = make("ol");
    nav.append(list);
    el.append(nav);

    const item = (step, current) => {
      const li = make("li", `mlc-step mlc-${step.state}`);
      if (step.divider) li.classList.add("mlc-divided");
      const button = make("button");
      button.type = "button";
      button.dataset.key = step.key;
      if (step.key === current) button.setAttribute("aria-current", "step");
      const mark = make("span", "mlc-mark", step.state === "accepted" ? "✓" : step.mark);
      mark.setAttribute("aria-hidden", "true");
      const note = make("em", "", step.note);
      button.append(mark, make("span", "mlc-name", step.label), make("span", "mlc-sr", `, ${STATE_WORDS[step.state] ?? step.state}`), note);
      button.addEventListener("click", () => {
        model.set("current", step.key);
        model.save_changes();
        paint();
      });
      li.append(button);
      return li;
    };

    const reveal = () => {
      const chip = list.querySelector("[aria-current]");
      if (!chip || list.scrollWidth <= list.clientWidth) return;
      const box = chip.getBoundingClientRect();
      const frame = list.getBoundingClientRect();
      list.scrollLeft += box.left - frame.left - (frame.width - box.width) / 2;
    };

    const paint = () => {
      const held = nav.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const left = list.scrollLeft;
      nav.setAttribute("aria-label", model.get("label"));
      list.replaceChildren(...model.get("steps").map((step) => item(step, model.get("current"))));
      list.scrollLeft = left;
      if (held) [...list.querySelectorAll("button")].find((b) => b.dataset.key === held)?.focus({ preventScroll: true });
      reveal();
    };

    const seen = new ResizeObserver(reveal);
    seen.observe(nav);
    paint();
    model.on("change:steps change:current change:label", paint);
    return () => {
      seen.disconnect();
      model.off("change:steps change:current change:label", paint);
    };
  },
};
