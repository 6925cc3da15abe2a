namespace Matrix.Cli.Vectors

open System
open System.Diagnostics
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks

/// Why there is no line to read.
type internal Silence =
    /// No line came in time.
    | TooSlow
    /// The process has closed its output.
    | Ended
    /// The line is longer than lines may be.
    | TooLong

/// A command that is spoken to in lines. Ends with what it started when it is disposed.
[<Sealed>]
type internal Pipe(command: string, patience: TimeSpan, longest: int) =
    let start =
        let info = ProcessStartInfo("/bin/sh", [ "-c"; command ])
        info.RedirectStandardInput <- true
        info.RedirectStandardOutput <- true
        info

    // A process whose file is there always starts.
    let running = nonNull (Process.Start start)
    let output = running.StandardOutput.BaseStream
    let input = running.StandardInput.BaseStream
    let received = new MemoryStream()
    let chunk = Array.zeroCreate<byte> 65536

    /// What was received up to the first line's end; the rest stays.
    let takeLine () : string option =
        let bytes = received.GetBuffer().AsSpan(0, int received.Length)

        match bytes.IndexOf(byte '\n') with
        | -1 -> None
        | at ->
            let line =
                Encoding.UTF8.GetString(Span<byte>.op_Implicit(bytes.Slice(0, at)): ReadOnlySpan<byte>)

            let rest = bytes.Slice(at + 1).ToArray()
            received.SetLength 0L
            received.Write(rest, 0, rest.Length)
            Some(line.TrimEnd '\r')

    let rec readLine (stop: CancellationToken) : Task<Result<string, Silence>> =
        task {
            match takeLine () with
            | Some line -> return Ok line
            | None when received.Length > int64 longest -> return Error TooLong
            | None ->
                let! count = output.ReadAsync(Memory<byte> chunk, stop)

                if count = 0 then
                    return Error Ended
                else
                    received.Write(chunk, 0, count)
                    return! readLine stop
        }

    /// Says a line, and hears the next.
    member _.AskAsync(line: string) : Task<Result<string, Silence>> =
        task {
            use stop = new CancellationTokenSource(patience)

            try
                try
                    let bytes = Encoding.UTF8.GetBytes(line + "\n")
                    do! input.WriteAsync(ReadOnlyMemory<byte> bytes, stop.Token)
                    do! input.FlushAsync stop.Token
                with :? IOException ->
                    // Nobody reads; there may be something to hear nevertheless.
                    ()

                return! readLine stop.Token
            with
            | :? OperationCanceledException -> return Error TooSlow
            | :? IOException -> return Error Ended
        }

    /// Says that there is no more, and whether the process has ended in time.
    member _.EndAsync() : Task<bool> =
        task {
            use stop = new CancellationTokenSource(patience)

            try
                input.Close()
                do! running.WaitForExitAsync stop.Token
                return true
            with
            | :? OperationCanceledException -> return false
            | :? IOException -> return true
        }

    interface IDisposable with
        member _.Dispose() =
            try
                if not running.HasExited then
                    running.Kill(entireProcessTree = true)
            with :? InvalidOperationException ->
                // It has just ended.
                ()

            received.Dispose()
            running.Dispose()
