namespace Matrix.Cli.Vectors

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks

/// The result of reading a line.
[<RequireQualifiedAccess>]
type internal VectorLine =
    | Read of string
    /// The line exceeds the limit. The lines after it can still be read.
    | TooLong
    /// The end of the stream.
    | None

/// Reads lines of UTF-8 from a stream. Keeps no more of a line than the limit.
[<Sealed>]
type internal Lines(input: Stream, longest: int) =
    let received = new MemoryStream()
    let chunk = Array.zeroCreate<byte> 65536

    // Whether the received bytes belong to a line that was too long.
    let mutable isSkipping = false

    let text (bytes: ReadOnlySpan<byte>) =
        VectorLine.Read((Encoding.UTF8.GetString bytes).TrimEnd '\r')

    let keep (rest: byte[]) =
        received.SetLength 0L
        received.Write(rest, 0, rest.Length)

    /// Takes the first complete line out of the received bytes.
    let rec next () : VectorLine option =
        let bytes = ReadOnlySpan<byte>(received.GetBuffer(), 0, int received.Length)

        match bytes.IndexOf(byte '\n') with
        | -1 when isSkipping ->
            keep [||]
            None
        | -1 when bytes.Length > longest ->
            isSkipping <- true
            keep [||]
            Some VectorLine.TooLong
        | -1 -> None
        | at when isSkipping ->
            isSkipping <- false
            keep (bytes.Slice(at + 1).ToArray())
            next ()
        | at ->
            let line =
                if at > longest then
                    VectorLine.TooLong
                else
                    text (bytes.Slice(0, at))

            keep (bytes.Slice(at + 1).ToArray())
            Some line

    /// The rest of the stream, without a line break.
    let last () : VectorLine =
        if received.Length = 0L || isSkipping then
            VectorLine.None
        else
            let line = text (ReadOnlySpan<byte>(received.GetBuffer(), 0, int received.Length))
            keep [||]
            line

    /// The next line.
    member _.ReadAsync(stop: CancellationToken) : Task<VectorLine> =
        task {
            let mutable line = next ()

            while line.IsNone do
                let! count = input.ReadAsync(Memory<byte> chunk, stop)

                if count = 0 then
                    line <- Some(last ())
                else
                    received.Write(chunk, 0, count)
                    line <- next ()

            return line.Value
        }
