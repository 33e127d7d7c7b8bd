document.querySelectorAll("input[data-rows-of]").forEach((input) => {
  const rows = document.querySelectorAll(`#${input.dataset.rowsOf} tbody tr`);
  const shown = input.parentElement.querySelector("output");
  input.parentElement.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const found = [...rows].filter((row) => !(row.hidden = !row.textContent.toLowerCase().includes(wanted)));
    shown.textContent = wanted ? `${found.length} of ${rows.length}` : "";
  });
});
