namespace Matrix.Cli.Output

/// How a command ended; each way has its exit code.
type internal Ending =
    /// 0: it was done, and nothing is wrong.
    | Done
    /// 1: it ran, and found something wrong, which it has said.
    | Finding
    /// 1: it could not be done, for this reason (one line).
    | Refused of string
    /// 2: what it was given (arguments, files, configuration) cannot be used: where, and what was expected.
    | Misused of string

module internal Ending =
    /// Text for a terminal: what a file has must not move the cursor, or change what stands on the screen.
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

    /// What each gives, or the first way in which one cannot be used.
    let all (read: 'a -> Result<'b, Ending>) (values: 'a list) : Result<'b list, Ending> =
        (Ok [], values)
        ||> List.fold (fun soFar value ->
            match soFar with
            | Error ending -> Error ending
            | Ok found -> read value |> Result.map (fun next -> next :: found))
        |> Result.map List.rev

    /// Says what is left to be said, and answers the exit code.
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
