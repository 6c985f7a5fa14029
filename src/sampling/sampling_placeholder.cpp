// replaced by the folder's own sources
