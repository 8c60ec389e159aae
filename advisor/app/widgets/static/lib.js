// Carries the chart library's bytes; charts unpack it when the first one is drawn.
export default { render() {} };
