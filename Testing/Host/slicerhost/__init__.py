"""A strict stand-in for 3D Slicer, in which a scripted module is loaded, used and photographed."""

from slicerhost.host import Host, HostError, Problem

__all__ = ["Host", "HostError", "Problem"]
