"""Files for machines: tables, label map, result.json, exports."""
