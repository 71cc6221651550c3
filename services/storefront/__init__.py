"""The pages of the shop: HTML made on the server, useful without JavaScript, nicer with htmx."""
