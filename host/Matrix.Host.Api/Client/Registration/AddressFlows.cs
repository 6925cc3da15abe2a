using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Users;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Adds mail addresses and phone numbers to the flows of registration.</summary>
internal sealed class AddressFlows(Validations validations, UsersOptions options)
{
    /// <summary>
    /// The flows with the addresses that are required, and those with the addresses that may be given.
    /// </summary>
    internal List<AuthFlow> Of(IReadOnlyList<AuthFlow> flows)
    {
        var all = new List<AuthFlow>();
        foreach (var flow in flows)
        {
            // The first user may register before mail works, if the token is only theirs.
            var isFirstUser = flow.Stages.Contains(AuthStage.RegistrationToken) && !options.RegistrationRequiresToken;
            var email = options.RegistrationRequiresEmail && !isFirstUser;
            var phone = options.RegistrationRequiresPhone && !isFirstUser;
            var mayAddEmail = !email && validations.Supports(Medium.Email);
            var mayAddPhone = !phone && validations.Supports(Medium.Phone);
            all.Add(Ended(With(flow, email, phone), isBeginning: mayAddEmail || mayAddPhone));
            if (mayAddEmail) all.Add(With(flow, true, phone));
            if (mayAddPhone) all.Add(With(flow, email, true));
        }

        return all;
    }

    /// <summary>A flow that is the beginning of another one needs the dummy stage. "Dummy Auth".</summary>
    private static AuthFlow Ended(AuthFlow flow, bool isBeginning) =>
        !isBeginning || flow.Stages.Contains(AuthStage.Dummy) || flow.Stages.Contains(AuthStage.RegistrationToken)
            ? flow
            : new AuthFlow([.. flow.Stages, AuthStage.Dummy]);

    private static AuthFlow With(AuthFlow flow, bool email, bool phone)
    {
        if (!email && !phone) return flow;
        List<string> stages = [.. flow.Stages.Where(static stage => stage != AuthStage.Dummy)];
        if (phone) stages.Add(AuthStage.Phone);
        if (email) stages.Add(AuthStage.Email);
        return new AuthFlow([.. stages]);
    }
}
