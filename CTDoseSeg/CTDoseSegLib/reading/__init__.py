"""From files to a `CTSeries`; the door is `reader.read_series`.

DICOM goes through a straight pipe, a module each:

1. `headers`: the headers of all files
2. `grouping`: groups of slices that can be stacked
3. `choice`, by the criteria of `selection`: the group to measure
4. `dicom_volume`: `phases` settled, slices in order (`stacking`), pixels read
5. `exposure`, with `slice_exposure`: each value with its tag
6. `dose_report_use`: what a dose report (`dose_report_file`) adds, if `dose_matching` finds the
   event of the images in it

`volume_file` reads what is not DICOM, `label_map_file` label maps; both through `image_file`.
`archive` sorts the headers of many studies (`header_cache`) into irradiation events.
"""
