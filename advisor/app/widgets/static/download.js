// A button that asks Python for a file and saves it.
export default {
  render({ model, el }) {
    const box = document.createElement("div");
    box.className = "mlc-download";
    const button = document.createElement("button");
    button.type = "button";
    const alert = document.createElement("p");
    alert.className = "mlc-error";
    alert.setAttribute("role", "alert");
    alert.hidden = true;
    box.append(button, alert);
    el.append(box);

    let waiting = false;
    const paint = () => {
      button.className = `mlc-btn${model.get("primary") ? " mlc-go" : ""}`;
      button.textContent = waiting ? "Preparing …" : model.get("label");
      button.disabled = model.get("disabled");
      button.setAttribute("aria-busy", String(waiting));
      if (model.get("hint")) button.title = model.get("hint");
    };
    const settle = (text) => {
      waiting = false;
      alert.textContent = text;
      alert.hidden = !text;
      paint();
    };
    const answer = (message, buffers) => {
      if (message.kind === "failed") settle(message.text);
      if (message.kind !== "file") return;
      const url = URL.createObjectURL(new Blob([buffers[0]], { type: message.mime }));
      const link = document.createElement("a");
      link.href = url;
      link.download = message.name;
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      settle("");
    };
    button.addEventListener("click", () => {
      if (waiting) return;
      settle("");
      waiting = true;
      paint();
      model.send({ kind: "want" });
    });
    paint();
    model.on("change:label change:disabled change:hint change:primary", paint);
    model.on("msg:custom", answer);
    return () => {
      model.off("change:label change:disabled change:hint change:primary", paint);
      model.off("msg:custom", answer);
    };
  },
};
