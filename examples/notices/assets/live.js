// A list that is live gets new notices while it is open.
const list = document.querySelector("[data-live]");
if (list) {
  const source = new EventSource(list.dataset.from);
  source.addEventListener("notice", ({ data }) => {
    const card = document.createRange().createContextualFragment(data).firstElementChild;
    if (document.getElementById(card.id)) return;
    card.classList.add("fresh");
    list.prepend(card);
    document.querySelector(".empty")?.remove();
  });
}
