namespace Matrix.Cli.Vectors

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks

/// What was read.
[<RequireQualifiedAccess>]
type internal Line =
    | Read of string
    /// The line is longer than lines may be. What follows it is still to be read.
    | TooLong
    /// There is no more.
    | None

/// The lines of a stream of UTF-8. Holds no more of a line than lines may have.
[<Sealed>]
type internal Lines(input: Stream, longest: int) =
    let received = new MemoryStream()
    let chunk = Array.zeroCreate<byte> 65536

    // Whether what is received belongs to a line that was too long.
    let mutable isSkipping = false

    let text (bytes: ReadOnlySpan<byte>) =
        Line.Read((Encoding.UTF8.GetString bytes).TrimEnd '\r')

    let keep (rest: byte[]) =
        received.SetLength 0L
        received.Write(rest, 0, rest.Length)

    /// What was received up to the first line's end; the rest stays.
    let rec next () : Line option =
        let bytes = ReadOnlySpan<byte>(received.GetBuffer(), 0, int received.Length)

        match bytes.IndexOf(byte '\n') with
        | -1 when isSkipping ->
            keep [||]
            None
        | -1 when bytes.Length > longest ->
            isSkipping <- true
            keep [||]
            Some Line.TooLong
        | -1 -> None
        | at when isSkipping ->
            isSkipping <- false
            keep (bytes.Slice(at + 1).ToArray())
            next ()
        | at ->
            let line =
                if at > longest then
                    Line.TooLong
                else
                    text (bytes.Slice(0, at))

            keep (bytes.Slice(at + 1).ToArray())
            Some line

    /// What stands at the end without a line's end.
    let last () : Line =
        if received.Length = 0L || isSkipping then
            Line.None
        else
            let line = text (ReadOnlySpan<byte>(received.GetBuffer(), 0, int received.Length))
            keep [||]
            line

    /// The next line.
    member _.ReadAsync(stop: CancellationToken) : Task<Line> =
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
