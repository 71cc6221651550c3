/* What htmx keeps to itself: that nobody answered. Only said of what the visitor did; what a page fetches by itself
   is replaced by a sentence of its style sheet. */
const said = text => { document.getElementById("said").textContent = text }
const ofVisitor = event => event.detail.ctx?.sourceElement.matches("form, input")

document.addEventListener("htmx:before:request", event => { if (ofVisitor(event)) said("") })
document.addEventListener("htmx:error", event => {
  if (ofVisitor(event)) said("The shop does not answer. Nothing you had is lost: please try again in a moment.")
})
