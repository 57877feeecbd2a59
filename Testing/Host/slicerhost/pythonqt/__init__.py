"""Qt as a scripted module meets it in 3D Slicer: PySide6 with the rules of PythonQt."""
