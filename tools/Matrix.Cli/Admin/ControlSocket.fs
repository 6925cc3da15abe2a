/// Asks the running server through its socket.
module internal Matrix.Cli.Admin.ControlSocket

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

/// A request to the administration API, which the socket serves to the operator. The response is JSON.
let request (settings: OperatorSettings) (verb: string) (path: string) (body: string | null) : Result<string, Ending> =
    match settings.ControlSocket with
    | null ->
        Error(Refused $"{settings.File}: the server has no control socket (listeners.control, or a long data_dir)")
    | socket ->
        let send =
            task {
                use http = client socket
                use message = new HttpRequestMessage(HttpMethod(verb), path)

                match body with
                | null -> ()
                | body -> message.Content <- new StringContent(body)

                use! response = http.SendAsync message
                let! said = response.Content.ReadAsStringAsync()
                return response.IsSuccessStatusCode, said
            }

        try
            match send.GetAwaiter().GetResult() with
            | true, said -> Ok said
            | false, said ->
                use json = Text.Json.JsonDocument.Parse said

                match json.RootElement.TryGetProperty("error") with
                | true, error -> Error(Refused(string (error.GetString())))
                | false, _ -> Error(Refused said)
        with
        | :? OperationCanceledException ->
            Error(Refused $"the server has not answered within {patience.TotalSeconds} s; what was asked goes on")
        | :? Text.Json.JsonException -> Error(Refused "the server's answer cannot be read: is it of another version?")
        | :? HttpRequestException ->
            Error(Refused "no server is running with this data folder, or it is another user's")
