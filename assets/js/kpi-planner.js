/* The planner is made anew after every change: what was opened on it stays open. */
document.addEventListener("toggle", (event) => {
  if (event.target.id === "plan-says") document.getElementById("plan-says-open").value = event.target.open ? "1" : "";
}, true);
