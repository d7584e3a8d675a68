"""A simulator of Return Helper: both APIs, the warehouse and the webhooks."""
