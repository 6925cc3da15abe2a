namespace Matrix.Cli.Output

/// How a command ended; each way has its exit code.
type internal Ending =
    /// 0: success.
    | Done
    /// 1: the command ran, and printed what is wrong.
    | Finding
    /// 1: the command failed, for this reason (one line).
    | Refused of string
    /// 2: the input (arguments, files, configuration) cannot be used: where, and what was expected.
    | Misused of string

module internal Ending =
    /// Text for a terminal: a file's content must not move the cursor or change the screen.
    let printable (text: string) : string =
        if Seq.exists System.Char.IsControl text then
            text
            |> String.collect (fun c ->
                if System.Char.IsControl c then
                    $"\\u{int c:x4}"
                else
                    string c)
        else
            text

    /// The results of all items, or the first error.
    let all (read: 'a -> Result<'b, Ending>) (values: 'a list) : Result<'b list, Ending> =
        (Ok [], values)
        ||> List.fold (fun soFar value ->
            match soFar with
            | Error ending -> Error ending
            | Ok found -> read value |> Result.map (fun next -> next :: found))
        |> Result.map List.rev

    /// Prints the error, if any, and returns the exit code.
    let conclude ending =
        match ending with
        | Done -> 0
        | Finding -> 1
        | Refused reason ->
            eprintfn "mx: %s" (printable reason)
            1
        | Misused reason ->
            eprintfn "mx: %s" (printable reason)
            2
