"""No row of another workspace is read or written, whatever goes wrong in front."""
