"""Methods: arrays in, arrays out. No pandas, no column names, no files, no business terms."""
