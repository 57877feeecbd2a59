"""Write the generated blocks of the Guide's pages: ``make guide``."""

from .pages import GUIDE, current, stale

if __name__ == "__main__":
    for name in stale():
        (GUIDE / name).write_text(current(name), encoding="utf-8", newline="\n")
        print(f"{name} written")
