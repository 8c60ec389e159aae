// A native file control. The size is checked here, before a byte travels, because
// an over-large message would vanish without a word; pieces keep each one small.
const PIECE = 1024 * 1024;
const IN_FLIGHT = 4;

function make(name, cls, text) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

function size(bytes) {
  if (bytes >= 1024 ** 2) return `${(bytes / 1024 ** 2).toLocaleString("en-US", { maximumFractionDigits: 1 })} MB`;
  if (bytes >= 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${bytes} bytes`;
}

export default {
  render({ model, el }) {
    globalThis.__mlcIds = (globalThis.__mlcIds ?? 0) + 1;
    const id = `mlc-upload-${globalThis.__mlcIds}`;
    const box = make("div", "mlc-upload");
    const label = make("label", "mlc-label");
    label.htmlFor = id;
    const drop = make("div", "mlc-drop");
    const input = make("input");
    input.type = "file";
    input.id = id;
    const hint = make("p", "mlc-hint");
    hint.id = `${id}-hint`;
    input.setAttribute("aria-describedby", hint.id);
    const bar = make("progress");
    bar.max = 1;
    bar.hidden = true;
    bar.setAttribute("aria-label", "Upload");
    const status = make("p", "mlc-note");
    status.setAttribute("role", "status");
    const alert = make("p", "mlc-error");
    alert.setAttribute("role", "alert");
    drop.append(input, bar);
    box.append(label, drop, hint, status, alert);
    el.append(box);

    let serial = 0;
    let acks = null;

    const say = (text, kind) => {
      status.textContent = kind === "info" ? text : "";
      alert.textContent = kind === "error" ? text : "";
      status.hidden = !status.textContent;
      alert.hidden = !alert.textContent;
      input.setAttribute("aria-invalid", String(!alert.hidden));
    };
    const words = () => {
      label.textContent = model.get("label");
      const accept = model.get("accept");
      input.accept = accept.join(",");
      input.disabled = model.get("disabled");
      const limits = [accept.map((a) => a.replace(/^\./, "").toUpperCase()).join(", "), `up to ${size(model.get("max_bytes"))}`];
      hint.textContent = [model.get("hint"), limits.filter(Boolean).join(" · ")].filter(Boolean).join(" ");
    };
    const told = () => {
      bar.hidden = true;
      box.removeAttribute("aria-busy");
      say(model.get("message"), model.get("message_kind"));
    };

    const send = async (file) => {
      const limit = model.get("max_bytes");
      const accept = model.get("accept");
      if (accept.length && !accept.some((ending) => file.name.toLowerCase().endsWith(ending))) {
        say(`${file.name} is not one of ${accept.join(", ")}.`, "error");
        return;
      }
      if (file.size > limit) {
        say(`${file.name} is ${size(file.size)}; the limit is ${size(limit)}. Nothing was sent.`, "error");
        return;
      }
      serial += 1;
      const mine = `${id}-${serial}`;
      const pieces = Math.max(1, Math.ceil(file.size / PIECE));
      say(`Sending ${file.name} …`, "info");
      box.setAttribute("aria-busy", "true");
      bar.hidden = false;
      bar.value = 0;
      let done = 0;
      let wake = () => {};
      acks = (message) => {
        if (message.upload !== mine) return;
        done += 1;
        bar.value = done / pieces;
        wake();
      };
      try {
        for (let i = 0; i < pieces; i += 1) {
          while (i - done >= IN_FLIGHT) await new Promise((resolve) => (wake = resolve));
          if (mine !== `${id}-${serial}`) return;
          const part = await file.slice(i * PIECE, (i + 1) * PIECE).arrayBuffer();
          model.send({ kind: "piece", upload: mine, name: file.name, size: file.size, index: i, pieces }, undefined, [part]);
        }
      } catch {
        bar.hidden = true;
        box.removeAttribute("aria-busy");
        say(`${file.name} could not be read. Was it moved or changed?`, "error");
      }
    };

    const answer = (message) => {
      if (message.kind === "piece") acks?.(message);
      if (message.kind === "handled") told();
    };
    input.addEventListener("change", () => {
      if (input.files.length) send(input.files[0]);
    });
    // Choosing the same file again must count as a choice.
    input.addEventListener("click", () => (input.value = ""));
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("mlc-over");
      });
    }
    drop.addEventListener("dragleave", () => drop.classList.remove("mlc-over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      drop.classList.remove("mlc-over");
      if (event.dataTransfer.files.length && !input.disabled) send(event.dataTransfer.files[0]);
    });

    words();
    told();
    model.on("change:label change:hint change:accept change:max_bytes change:disabled", words);
    model.on("change:message change:message_kind", told);
    model.on("msg:custom", answer);
    return () => {
      serial += 1;
      model.off("change:label change:hint change:accept change:max_bytes change:disabled", words);
      model.off("change:message change:message_kind", told);
      model.off("msg:custom", answer);
    };
  },
};
