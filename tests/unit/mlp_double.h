/* The same sources of the learning core a second time in one program, in double.
 *
 * Given to the compiler with -include for every file of the double build: it gives each
 * global name another one, so that both builds link. mlp_double.c is their door.
 */
#ifndef MLP_DOUBLE_H
#define MLP_DOUBLE_H

#define MLP_DOUBLE 1
#define MLP_REAL   double

#define activation_backward       d_activation_backward
#define activation_forward        d_activation_forward
#define activation_gradient       d_activation_gradient
#define embedding_fits            d_embedding_fits
#define embedding_gradient        d_embedding_gradient
#define embedding_piece           d_embedding_piece
#define embedding_pieces          d_embedding_pieces
#define embedding_rows            d_embedding_rows
#define gemm_back_delta           d_gemm_back_delta
#define gemm_back_weights         d_gemm_back_weights
#define gemm_backend_back_delta   d_gemm_backend_back_delta
#define gemm_backend_back_weights d_gemm_backend_back_weights
#define gemm_backend_fini         d_gemm_backend_fini
#define gemm_backend_forward      d_gemm_backend_forward
#define gemm_backend_init         d_gemm_backend_init
#define gemm_backend_layout       d_gemm_backend_layout
#define gemm_backend_text         d_gemm_backend_text
#define gemm_backend_wants        d_gemm_backend_wants
#define gemm_fini                 d_gemm_fini
#define gemm_forward              d_gemm_forward
#define gemm_gathers              d_gemm_gathers
#define gemm_init                 d_gemm_init
#define gemm_layout               d_gemm_layout
#define gemm_new_batch            d_gemm_new_batch
#define gemm_piece                d_gemm_piece
#define gemm_predict              d_gemm_predict
#define gemm_tiles_back_delta     d_gemm_tiles_back_delta
#define gemm_tiles_back_weights   d_gemm_tiles_back_weights
#define gemm_tiles_forward        d_gemm_tiles_forward
#define gemm_tiles_layout         d_gemm_tiles_layout
#define gemm_tiles_piece          d_gemm_tiles_piece
#define gemm_tiles_wants          d_gemm_tiles_wants
#define kernel_baseline           kernel_wide /* KERNEL_ISA=wide names the rest */
#define kernel_best               d_kernel_best
#define kernel_tables             d_kernel_tables
#define kernel_units              d_kernel_units
#define kernel_units_list         d_kernel_units_list
#define loss_data_fits            d_loss_data_fits
#define loss_gradient             d_loss_gradient
#define loss_measure              d_loss_measure
#define loss_of_classes           d_loss_of_classes
#define loss_output               d_loss_output
#define loss_slice                d_loss_slice
#define loss_sum                  d_loss_sum
#define mlp_backend               d_mlp_backend
#define mlp_bfloat16_available    d_mlp_bfloat16_available
#define mlp_net_embedding         d_mlp_net_embedding
#define mlp_net_free              d_mlp_net_free
#define mlp_net_init              d_mlp_net_init
#define mlp_net_input_scale       d_mlp_net_input_scale
#define mlp_net_layer             d_mlp_net_layer
#define mlp_net_new               d_mlp_net_new
#define mlp_net_parameters        d_mlp_net_parameters
#define mlp_net_params            d_mlp_net_params
#define mlp_net_params_const      d_mlp_net_params_const
#define mlp_net_set_answers       d_mlp_net_set_answers
#define mlp_net_spec              d_mlp_net_spec
#define mlp_net_values            d_mlp_net_values
#define mlp_net_start_bias        d_mlp_net_start_bias
#define mlp_spec_check            d_mlp_spec_check
#define mlp_spec_parameters       d_mlp_spec_parameters
#define mlp_spec_width            d_mlp_spec_width
#define mlp_status_text           d_mlp_status_text
#define mlp_trace_ends            d_mlp_trace_ends
#define mlp_trace_free            d_mlp_trace_free
#define mlp_trace_layer           d_mlp_trace_layer
#define mlp_trace_new             d_mlp_trace_new
#define mlp_version               d_mlp_version
#define net_answers_make_sense    d_net_answers_make_sense
#define net_layout                d_net_layout
#define net_spec_layer            d_net_spec_layer
#define net_spec_sizes            d_net_spec_sizes
#define net_spec_widest           d_net_spec_widest
#define noise_apply               d_noise_apply
#define noise_back                d_noise_back
#define noise_input               d_noise_input
#define noise_input_back          d_noise_input_back
#define noise_scale_input         d_noise_scale_input
#define norm_apply                d_norm_apply
#define norm_back_apply           d_norm_back_apply
#define norm_back_measure         d_norm_back_measure
#define norm_back_settle          d_norm_back_settle
#define norm_measure              d_norm_measure
#define norm_predict              d_norm_predict
#define norm_settle               d_norm_settle
#define norm_sum_products         d_norm_sum_products
#define pass_fini                 d_pass_fini
#define pass_gradient             d_pass_gradient
#define pass_helpers              d_pass_helpers
#define pass_init                 d_pass_init
#define pass_layout               d_pass_layout
#define pass_layout_team          d_pass_layout_team
#define pass_predict              d_pass_predict
#define pass_share                d_pass_share
#define pass_slice                d_pass_slice
#define pass_step                 d_pass_step
#define pass_statistics           d_pass_statistics
#define pass_score                d_pass_score
#define rng_block                 d_rng_block
#define rng_normal4               d_rng_normal4
#define rng_permutation           d_rng_permutation
#define rng_permutation_at        d_rng_permutation_at
#define rng_philox                d_rng_philox
#define rng_stream                d_rng_stream
#define rng_uniform4              d_rng_uniform4

#endif
