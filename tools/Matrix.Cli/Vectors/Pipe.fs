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
    /// The line exceeds the limit.
    | TooLong

/// A command that reads and writes lines. Disposing kills it and the processes that it started.
[<Sealed>]
type internal Pipe(command: string, patience: TimeSpan, longest: int) =
    let start =
        let info = ProcessStartInfo("/bin/sh", [ "-c"; command ])
        info.RedirectStandardInput <- true
        info.RedirectStandardOutput <- true
        info

    // /bin/sh exists, so the process starts.
    let running = nonNull (Process.Start start)
    let input = running.StandardInput.BaseStream
    let output = Lines(running.StandardOutput.BaseStream, longest)

    /// Writes a line and reads the next one.
    member _.AskAsync(line: string) : Task<Result<string, Silence>> =
        task {
            use stop = new CancellationTokenSource(patience)

            try
                try
                    let bytes = Encoding.UTF8.GetBytes(line + "\n")
                    do! input.WriteAsync(ReadOnlyMemory<byte> bytes, stop.Token)
                    do! input.FlushAsync stop.Token
                with :? IOException ->
                    // The command does not read any more; it may have written something nevertheless.
                    ()

                match! output.ReadAsync stop.Token with
                | VectorLine.Read line -> return Ok line
                | VectorLine.TooLong -> return Error TooLong
                | VectorLine.None -> return Error Ended
            with
            | :? OperationCanceledException -> return Error TooSlow
            | :? IOException -> return Error Ended
        }

    /// Closes the command's input; returns whether it exits in time.
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
                // It has just exited.
                ()

            running.Dispose()
