namespace Matrix.Cli.Output

open System

/// A progress line on standard error, if it is a terminal. Disposing removes it.
[<Sealed>]
type internal Progress() =
    let isWatched = not Console.IsErrorRedirected
    let shown = obj ()
    let mutable width = 0

    /// Replaces the line.
    member _.Show(text: string) =
        if isWatched then
            lock shown (fun () ->
                Console.Error.Write("\r" + text.PadRight width)
                width <- text.Length)

    interface IDisposable with
        member _.Dispose() =
            if isWatched && width > 0 then
                Console.Error.Write("\r" + String(' ', width) + "\r")
