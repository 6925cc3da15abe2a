using System.Text;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>Types of account data that mean something to the server.</summary>
internal static class AccountDataTypes
{
    internal const string FullyRead = "m.fully_read";
    internal const string PushRules = "m.push_rules";
    internal const string Tags = "m.tag";

    private const int Longest = 255;

    /// <summary>Why a client may not put this type; null if it may.</summary>
    internal static Answer? Judge(string type)
    {
        if (type is FullyRead or PushRules) return Answer.Error(405, MatrixError.BadJson, $"Cannot set {type} through this API.");
        return Encoding.UTF8.GetByteCount(type) is 0 or > Longest ? Answer.InvalidParam($"A type has 1 to {Longest} bytes.") : null;
    }
}
