using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Storage.Tables.ThirdPartyIds;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>Lists of third-party identifiers in responses.</summary>
internal static class ThirdPartyIdJson
{
    /// <summary>Writes the member `threepids`.</summary>
    internal static void Write(Utf8JsonWriter json, IReadOnlyList<ThirdPartyIdRow> rows)
    {
        json.WriteStartArray("threepids");
        foreach (var row in rows)
        {
            json.WriteStartObject();
            json.WriteString("medium", row.Medium);
            json.WriteString("address", row.Address);
            json.WriteNumber("validated_at", row.ValidatedAt);
            json.WriteNumber("added_at", row.AddedAt);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}

/// <summary>The response about bindings that were ended.</summary>
internal static class UnbindAnswers
{
    private static readonly Answer _success = Answer.Bytes("""{"id_server_unbind_result":"success"}"""u8.ToArray());

    private static readonly Answer _noSupport = Answer.Bytes(
        """{"id_server_unbind_result":"no-support"}"""u8.ToArray());

    /// <summary>Whether the identity servers have unbound all.</summary>
    internal static Answer Of(bool isUnbound) => isUnbound ? _success : _noSupport;
}

/// <summary>The names of identity servers in requests.</summary>
internal static class IdentityServerNames
{
    private const string Scheme = "https://";

    /// <summary>The name, without the scheme and the slash with which some clients write it.</summary>
    internal static string? Read(string? name) =>
        name?.StartsWith(Scheme, StringComparison.Ordinal) == true ? name[Scheme.Length..].TrimEnd('/') : name;
}

/// <summary>The standard error of each failure of an identity server.</summary>
internal static class IdentityAnswers
{
    /// <summary>The error of a server that this one does not trust.</summary>
    internal static Answer Untrusted { get; } = Answer.Error(
        400, MatrixError.ServerNotTrusted, "This server does not trust the identity server.");

    /// <summary>
    /// The error as the identity server says it. A 401 of it would log the client out here, so that it becomes a 403.
    /// </summary>
    internal static Answer Of(IdentityFailure failure) => failure switch
    {
        { IsUntrusted: true } => Untrusted,
        { Status: 401 } => Answer.Forbidden($"The identity server refuses the token: {failure.Message}"),
        { Status: >= 400 and < 500, ErrorCode: { } code } => Answer.Error(failure.Status, code, failure.Message),
        _ => Answer.Error(502, MatrixError.Unknown, failure.Message),
    };
}
