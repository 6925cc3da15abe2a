/// Asks the running server through its socket.
module internal Matrix.Cli.Federation.ControlSocket

open System
open System.IO
open System.Net.Http
open System.Net.Sockets
open System.Threading.Tasks
open Matrix.Cli.Output
open Matrix.Host.Configuration

/// The server answers when its attempt to reach another one has ended.
let private patience = TimeSpan.FromSeconds 60.0

let private client (path: string) : HttpClient =
    let handler =
        new SocketsHttpHandler(
            ConnectCallback =
                fun _ stop ->
                    task {
                        let socket =
                            new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

                        try
                            do! socket.ConnectAsync(UnixDomainSocketEndPoint path, stop)
                            return new NetworkStream(socket, ownsSocket = true) :> Stream
                        with _ ->
                            socket.Dispose()
                            return raise (SocketException(int SocketError.ConnectionRefused))
                    }
                    |> ValueTask<Stream>
        )

    new HttpClient(handler, BaseAddress = Uri "http://server", Timeout = patience)

/// Sends a command with a text, and prints what the server says.
let postText (settings: OperatorSettings) (path: string) (text: string) : Ending =
    match settings.ControlSocket with
    | null -> Refused $"{settings.File}: the server has no control socket (listeners.control, or a long data_dir)"
    | socket ->
        let send =
            task {
                use http = client socket
                use content = new StringContent(text)
                use! response = http.PostAsync(path, content)
                let! said = response.Content.ReadAsStringAsync()
                return response.IsSuccessStatusCode, said
            }

        try
            match send.GetAwaiter().GetResult() with
            | true, said ->
                Printing.plain [ Ending.printable said ]
                Done
            | false, said -> Refused said
        with
        | :? OperationCanceledException ->
            Refused $"the server has not answered within {patience.TotalSeconds} s; its attempt goes on"
        | :? HttpRequestException -> Refused "no server is running with this data folder, or it is another user's"

/// Sends a command, and prints what the server says.
let post (settings: OperatorSettings) (path: string) : Ending = postText settings path ""
