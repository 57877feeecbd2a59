"""A receiver that analyses each CT series that is sent to it, and sends the results back."""
