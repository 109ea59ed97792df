"""The bodies of requests and answers, by subject. All refuse fields that they do not know.

Units: times are seconds; points in time are seconds since 1970 in UTC; lengths are bits or bytes,
as their names end.
"""
