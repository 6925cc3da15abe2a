/// Runs other programs to their end.
module internal Matrix.Cli.Sources.Processes

open System
open System.Diagnostics
open System.IO

/// What a program wrote, and its exit code.
type Ran = {
    Code: int
    Output: byte[]
    Errors: string
}

/// Runs a program with these variables besides; none if it is not installed.
let runWith (variables: (string * string) list) (program: string) (arguments: string list) : Ran option =
    let info =
        ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        info.Environment[name] <- value

    try
        match Process.Start info with
        | null -> None
        | started ->
            use running = started
            let errors = running.StandardError.ReadToEndAsync()
            use output = new MemoryStream()
            running.StandardOutput.BaseStream.CopyTo output
            running.WaitForExit()

            Some {
                Code = running.ExitCode
                Output = output.ToArray()
                Errors = errors.GetAwaiter().GetResult()
            }
    with :? ComponentModel.Win32Exception ->
        None

/// Runs a program; none if it is not installed.
let run (program: string) (arguments: string list) : Ran option = runWith [] program arguments
