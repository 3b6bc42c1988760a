// What is used of libjpeg-turbo in WebAssembly, whose package brings no types.
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  /** Its methods throw numbers, which say nothing. */
  interface JPEGDecoder {
    /** Where the file is to be put. */
    getEncodedBuffer(length: number): Uint8Array<ArrayBuffer>
    readHeader(): void
    getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number }
    decode(): void
    /** Overwritten by the next file. */
    getDecodedBuffer(): Uint8ClampedArray<ArrayBuffer>
  }
  export default function libjpegTurbo(): Promise<{ readonly JPEGDecoder: new () => JPEGDecoder }>
}
