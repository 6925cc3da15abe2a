/// Creates accounts with the shared secret, by the nonce and HMAC-SHA1 protocol that other servers' tools use.
module internal Matrix.Cli.Users.SharedSecretRegistration

open System
open System.Net.Http
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Threading.Tasks

/// The account to create.
type SharedSecretAccount = {
    Name: string
    Password: string
    IsAdmin: bool
}

/// Why the account was not created. Strings are one line.
type RegistrationFailure =
    /// The server refused, with this message.
    | Declined of string
    /// The server does not offer the protocol, because it has no secret.
    | NotOffered
    /// The server has another secret.
    | WrongSecret
    /// No homeserver answers at the address.
    | NoAnswer of string

let private patience = TimeSpan.FromSeconds 30.0

let private macOf (secret: string) (nonce: string) account =
    let kind = if account.IsAdmin then "admin" else "notadmin"
    let signed = String.Join('\000', [| nonce; account.Name; account.Password; kind |])

    HMACSHA1.HashData(Encoding.UTF8.GetBytes secret, Encoding.UTF8.GetBytes signed)
    |> Convert.ToHexStringLower

let private textOf (name: string) (body: JsonElement) =
    if body.ValueKind <> JsonValueKind.Object then
        None
    else
        match body.TryGetProperty name with
        | true, value when value.ValueKind = JsonValueKind.String -> value.GetString() |> Option.ofObj
        | _ -> None

let private parse (text: string) =
    try
        JsonDocument.Parse(text).RootElement.Clone()
    with :? JsonException ->
        Unchecked.defaultof<JsonElement>

let private said (status: int) body =
    match textOf "error" body with
    | Some error -> error.ReplaceLineEndings " "
    | None -> $"HTTP status {status}, with no reason given"

let private ask (http: HttpClient) (method: HttpMethod) (path: string) (token: string option) (body: string option) =
    task {
        use request = new HttpRequestMessage(method, path)

        token
        |> Option.iter (fun token ->
            request.Headers.Authorization <- Headers.AuthenticationHeaderValue("Bearer", token))

        body
        |> Option.iter (fun body -> request.Content <- new StringContent(body, Encoding.UTF8, "application/json"))

        use! response = http.SendAsync request
        let! text = response.Content.ReadAsStringAsync()
        return int response.StatusCode, parse text
    }

let private bodyOf account nonce mac =
    JsonSerializer.Serialize(
        dict<string, obj> [
            "nonce", nonce
            "username", account.Name
            "password", account.Password
            "admin", account.IsAdmin
            "mac", mac
        ]
    )

let private register (http: HttpClient) secret account =
    task {
        match! ask http HttpMethod.Get "/_synapse/admin/v1/register" None None with
        | 404, _ -> return Error NotOffered
        | 200, body ->
            match textOf "nonce" body with
            | None -> return Error(NoAnswer "the server there is not a homeserver")
            | Some nonce ->
                let body = bodyOf account nonce (macOf secret nonce account)

                match! ask http HttpMethod.Post "/_synapse/admin/v1/register" None (Some body) with
                | 200, made ->
                    // Registration also logs in; end that session, because nobody uses it.
                    match textOf "access_token" made with
                    | Some token ->
                        let! _ =
                            ask http HttpMethod.Post "/_matrix/client/v3/logout" (Some token) (Some "{}")

                        ()
                    | None -> ()

                    return textOf "user_id" made |> Option.defaultValue account.Name |> Ok
                | 403, _ -> return Error WrongSecret
                | status, body -> return Error(Declined(said status body))
        | status, body -> return Error(NoAnswer(said status body))
    }

let private reasonOf (fault: HttpRequestException) =
    match fault.HttpRequestError with
    | HttpRequestError.NameResolutionError -> "there is no such host"
    | HttpRequestError.ConnectionError -> "nothing listens there"
    | HttpRequestError.SecureConnectionError -> "the TLS connection failed: check the certificate"
    | _ -> "the server there does not speak HTTP"

/// Creates the account on a server and returns its user id.
let create (server: Uri) (secret: string) (account: SharedSecretAccount) : Task<Result<string, RegistrationFailure>> =
    task {
        // A proxy is only for other machines.
        use handler =
            new SocketsHttpHandler(AllowAutoRedirect = false, UseProxy = not server.IsLoopback)

        use http = new HttpClient(handler, BaseAddress = server, Timeout = patience)

        try
            return! register http secret account
        with
        | :? HttpRequestException as fault -> return Error(NoAnswer(reasonOf fault))
        | :? TaskCanceledException -> return Error(NoAnswer $"no answer within {int patience.TotalSeconds} seconds")
    }
