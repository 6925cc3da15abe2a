/// Colours and prompts on a terminal; a pipe gets plain text.
module internal Matrix.Cli.Output.Terminal

open System

let private isSet name =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable name))

let private hasColours =
    not Console.IsOutputRedirected
    && not (isSet "NO_COLOR")
    && Environment.GetEnvironmentVariable "TERM" <> "dumb"

let private paint code text =
    if hasColours then
        $"\u001b[{code}m{text}\u001b[0m"
    else
        text

/// A heading.
let bold text = paint "1" text

/// An error.
let red text = paint "31" text

/// An addition.
let green text = paint "32" text

/// A change.
let yellow text = paint "33" text

/// An explanation of the line above.
let faint text = paint "2" text

/// Whether there is a terminal to prompt on.
let canAsk () = not Console.IsInputRedirected

/// Prompts for a line that is not shown while it is typed.
let askSecretly (question: string) =
    Console.Error.Write question
    let typed = Text.StringBuilder()
    let mutable key = Console.ReadKey true

    while key.Key <> ConsoleKey.Enter do
        if key.Key = ConsoleKey.Backspace then
            if typed.Length > 0 then
                typed.Length <- typed.Length - 1
        elif key.KeyChar <> '\000' then
            typed.Append key.KeyChar |> ignore

        key <- Console.ReadKey true

    Console.Error.WriteLine()
    typed.ToString()
