"""Labs about spreading requests over replicas."""
