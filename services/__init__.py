"""The shop: one folder per running thing. Services never import each other; they meet over HTTP and AMQP."""
