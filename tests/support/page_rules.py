"""What must hold on a page so that everyone can use it: the rules of WCAG 2.2 AA that a script can check."""

BROKEN_RULES = """() => {
    const broken = [];
    const tell = (rule, node) => broken.push(`${rule}: ${node.outerHTML.slice(0, 90)}`);
    const seen = (node) => node.checkVisibility({ opacityProperty: false, visibilityProperty: true });
    const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
    const labels = (node) => [...(node.labels ?? [])].map((label) => label.title || label.textContent.trim()).join("");
    const name = (node) => node.ariaLabel || node.title || node.innerText?.trim() || node.alt || labels(node);

    for (const node of all("button, a, select, summary, input, textarea, progress"))
        if (!name(node)) tell("no name", node);
    for (const node of document.images) if (!node.hasAttribute("alt")) tell("no alt", node);
    for (const node of all("[role=radiogroup], [role=group], nav, aside, dialog"))
        if (!node.ariaLabel && !node.hasAttribute("aria-labelledby")) tell("no label", node);
    for (const node of document.querySelectorAll("[aria-hidden=true]"))
        if (node.querySelector("button, a, input, select, [tabindex]")) tell("hidden, yet focusable", node);
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) broken.push(`twice: #${id}`);
    for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
        for (const id of [node.getAttribute("aria-labelledby"), node.getAttribute("aria-describedby")])
            if (id && !document.getElementById(id)) tell("names what is not there", node);
    if (!document.documentElement.lang || !document.title) broken.push("no language or title");
    for (const one of ["h1", "main"]) if (document.querySelectorAll(one).length !== 1) broken.push(`not one ${one}`);
    if (document.documentElement.scrollWidth > innerWidth) broken.push("wider than the screen");
    const dialog = document.querySelector("dialog[open]");
    for (const node of all("button, select, summary")) { // 2.5.8: 24 pixels at least
        const { width, height } = node.getBoundingClientRect();
        if (width && (width < 24 || height < 22)) tell(`small (${width} x ${height})`, node);
    }

    const parts = (colour) => { // the canvas turns every notation into numbers
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => {
        const linear = (share) => share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = colour.map((value) => linear(value / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const colour = parts(getComputedStyle(node).backgroundColor);
            if (colour[3] > 250) return colour;
        }
        return parts("Canvas");
    };
    for (const node of all("p, span, small, b, button, summary, h1, h2, label, dt, dd, output, a, li, kbd, code")) {
        if (dialog && !dialog.contains(node)) continue;
        if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
        if (node.closest(":disabled, .quiet, .tag, .person .number")) continue;
        if (node.parentElement.querySelector("input:disabled")) continue;
        const { color, fontSize, fontWeight } = getComputedStyle(node);
        const [one, two] = [light(parts(color)), light(ground(node))].sort((a, b) => b - a);
        const large = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && fontWeight >= 700);
        const ratio = (one + 0.05) / (two + 0.05);
        if (ratio < (large ? 3 : 4.5)) tell(`contrast ${ratio.toFixed(2)}`, node);
    }
    return broken;
}"""
"""A function of JavaScript that returns the rules which do not hold, with the element that breaks each."""
