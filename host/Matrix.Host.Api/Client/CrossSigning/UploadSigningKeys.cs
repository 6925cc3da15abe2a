using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.CrossSigning;

/// <summary>
/// Uploads of cross-signing keys: `POST /keys/device_signing/upload`. v1.19 client-server-api#cross-signing
/// </summary>
internal sealed class UploadSigningKeys(
    CrossSigningUploads uploads, CrossSigningResets resets, UserInteractiveAuth interactive) : IEndpoints
{
    private const int Attempts = 3;

    private sealed record Input(CrossSigningUpload Keys, JsonObject Body);

    // v1.19 client-server-api#post_matrixclientv3keysdevice_signingupload
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Caller).Post(
        "keys/device_signing/upload",
        Read,
        Upload,
        new RouteOptions { CanonicalBody = true, OpenToSuspended = true });

    private async ValueTask<Answer> Upload(Call call, Input input, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        var demand = new AuthDemand(call.Caller.IsOAuth ? AuthFlow.OAuth : AuthFlow.Password, userId);
        AuthOutcome? authenticated = null;
        var isConfirmed = false;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var considered = await uploads.ConsiderAsync(userId, input.Keys, stop);
            if (!considered.IsOk) return UserAnswers.Of(considered.Failure);

            var change = considered.Value;
            // v1.19 application-service-api#cross-signing: its services need no further authentication.
            if (change.ReplacesKeys && authenticated is null && call.Service is null)
            {
                var outcome = await interactive.DemandAsync(call, input.Body, demand, stop);
                if (outcome.Refusal is { } refusal) return refusal;
                authenticated = outcome;
            }

            // One confirmation is for one replacement, whichever session completed its stage first.
            if (authenticated is { } proved && demand.IsForOAuth && !isConfirmed)
            {
                isConfirmed = resets.TryUse(userId);
                if (!isConfirmed)
                {
                    proved.Session!.Reopen(AuthStage.OAuth);
                    proved.Session.Reopen(AuthStage.CrossSigningReset);
                    return interactive.Ask(
                        proved.Session, demand, MatrixError.Forbidden, "Confirm the replacement on the page first.");
                }
            }

            // Checks again at the write: only the first keys need no authentication, and another request may have
            // uploaded some since.
            var condition = authenticated?.NewCondition();
            var authority = isConfirmed ? Authority.User(userId) : Authority.Nobody;
            if (await uploads.MakeAsync(change, condition, authority, stop))
            {
                return authenticated is { } used ? UserInteractiveAuth.Grant(used, Answer.Empty) : Answer.Empty;
            }

            if (condition is { Applied: false }) return interactive.AskAgain(authenticated!.Value);
        }

        return UserAnswers.Of(new UserFailure(UserFailureKind.Busy, "Another request is changing the keys."));
    }

    private static Input Read(BodyReader body) => new(
        new CrossSigningUpload(
            ReadKey(body, "master_key"), ReadKey(body, "self_signing_key"), ReadKey(body, "user_signing_key")),
        body.Whole);

    private static JsonObject? ReadKey(BodyReader body, string name)
    {
        if (body.Inner(name) is not { } key) return null;
        key.RequiredText("user_id");
        key.RequiredTexts("usage");
        KeyBodies.CheckTexts(key.RequiredInner("keys"));
        if (key.Inner("signatures") is { } signatures) KeyBodies.CheckSignatures(signatures);
        return key.Whole;
    }
}
