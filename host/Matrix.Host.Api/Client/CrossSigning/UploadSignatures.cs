using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.CrossSigning;

/// <summary>Uploads of signatures: `POST /keys/signatures/upload`. v1.19 client-server-api#cross-signing</summary>
internal sealed class UploadSignatures(SignatureUploads uploads, ClientOptions options) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3keyssignaturesupload
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
        "keys/signatures/upload",
        Read,
        Upload,
        new RouteOptions { Body = BodyLimit.Large, CanonicalBody = true, OpenToSuspended = true });

    private async ValueTask<Answer> Upload(Call call, List<SignedKey> keys, CancellationToken stop)
    {
        var uploaded = await uploads.UploadAsync(call.Caller.UserId, call.CausedBy, keys, stop);
        if (!uploaded.IsOk) return UserAnswers.Of(uploaded.Failure, options);

        var failures = uploaded.Value.GroupBy(failed => failed.Key.UserId).ToDictionary(user => user.Key);
        return KeyAnswers.Object(("failures", KeyAnswers.ObjectOf(failures, ofUser => Json.Of(JsonObject.OfSeq(
            ofUser.Select(failed => (failed.Key.KeyId, Error(failed.Failure))))))));
    }

    private static Json Error(UserFailure failure) => Json.Of(JsonObject.OfSeq(
    [
        ("errcode", Json.Of(UserAnswers.CodeOf(failure.Kind))),
        ("error", Json.Of(failure.Message)),
    ]));

    private static List<SignedKey> Read(BodyReader body)
    {
        var keys = new List<SignedKey>();
        foreach (var (user, signed) in body.Members())
        {
            if (!UserId.IsValid(user)) body.Refuse(MatrixError.InvalidParam, $"`{user}` is not a user id.");
            foreach (var (keyId, key) in signed.Members()) keys.Add(new SignedKey(user, keyId, key.Whole));
        }

        return keys;
    }
}
