namespace Matrix.Cli.Output

open System

/// A line on standard error that says how far long work is, if a person is watching; gone when it is disposed.
[<Sealed>]
type internal Progress() =
    let isWatched = not Console.IsErrorRedirected
    let shown = obj ()
    let mutable width = 0

    /// Says how far.
    member _.Show(text: string) =
        if isWatched then
            lock shown (fun () ->
                Console.Error.Write("\r" + text.PadRight width)
                width <- text.Length)

    interface IDisposable with
        member _.Dispose() =
            if isWatched && width > 0 then
                Console.Error.Write("\r" + String(' ', width) + "\r")
