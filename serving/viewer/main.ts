// The viewer page: Neuroglancer with its state in the URL hash; `window.viewer` is the handle that tests read.
import 'neuroglancer'
import { setupDefaultViewer } from 'neuroglancer/unstable/ui/default_viewer_setup.js'

setupDefaultViewer()
