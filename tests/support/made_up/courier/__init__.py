"""A made-up delivery: a courier, who takes a parcel to the cluster."""
